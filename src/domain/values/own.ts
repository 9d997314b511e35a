/** The entry of a record under its own key: what every object inherits (`constructor`, `__proto__`) is no entry. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
