/**
 * Builtins that opa compiles into a module, without those that are deprecated: with the host's they are all that a
 * policy may use. The list only serves to write the capabilities; what a module really asks of the host is checked
 * when it is loaded.
 */
export const NATIVE_BUILTINS: readonly string[] = [
  ...['eq', 'assign', 'equal', 'neq', 'gt', 'gte', 'lt', 'lte', 'internal.member_2', 'internal.member_3'],
  ...['plus', 'minus', 'mul', 'div', 'rem', 'abs', 'round', 'ceil', 'floor', 'numbers.range', 'to_number'],
  ...['bits.and', 'bits.or', 'bits.xor', 'bits.negate', 'bits.lsh', 'bits.rsh'],
  ...['count', 'sum', 'product', 'max', 'min', 'sort', 'and', 'or', 'intersection', 'union'],
  ...['array.concat', 'array.flatten', 'array.reverse', 'array.slice'],
  ...['is_null', 'is_boolean', 'is_number', 'is_string', 'is_array', 'is_set', 'is_object', 'type_name'],
  ...['object.get', 'object.keys', 'object.filter', 'object.remove', 'object.union', 'object.union_n'],
  ...[
    'json.marshal',
    'json.unmarshal',
    'json.is_valid',
    'json.filter',
    'json.remove',
    'walk',
    'graph.reachable',
  ],
  ...['base64.encode', 'base64.decode', 'base64.is_valid', 'base64url.encode', 'base64url.decode'],
  ...['concat', 'contains', 'endswith', 'startswith', 'format_int', 'indexof', 'lower', 'upper', 'substring'],
  ...['split', 'replace', 'strings.replace_n', 'strings.reverse', 'internal.template_string'],
  ...['trim', 'trim_left', 'trim_right', 'trim_prefix', 'trim_suffix', 'trim_space'],
  ...['regex.is_valid', 'regex.match', 'regex.find_all_string_submatch_n', 'glob.match'],
  ...['net.cidr_contains', 'net.cidr_intersects'],
];
