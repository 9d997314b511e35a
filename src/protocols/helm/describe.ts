/** Pure: what a Chart.yaml says, in the words that all formats share. */
import type { Description } from '../../application/registry.ts';
import { licenceOf } from '../shared/licence.ts';
import type { ChartYaml } from './chart.ts';

const MAX_LINE = 2000;
const MAX_SUMMARY = 10_000;
const MAX_LIST = 200;
const MAX_DEPENDENCIES = 5000;

/** What is too long for a field is left out, not cut: half a URL says something else. */
export function describe(chart: ChartYaml): Description {
  const found = {
    summary: chart.description?.slice(0, MAX_SUMMARY),
    ...licence(chart),
    authors: chart.maintainers
      ?.slice(0, MAX_LIST)
      .map(({ name, email, url }) => present({ name: short(name), email: short(email), url: short(url) })),
    keywords: chart.keywords?.filter(fits).slice(0, MAX_LIST),
    homepage: short(chart.home),
    repository: chart.sources?.find(fits),
    dependencies: dependencies(chart),
    native: chart,
  };
  return present(found) as Description;
}

const fits = (text: string) => text.length <= MAX_LINE;
const short = (text: string | undefined) => (text !== undefined && fits(text) ? text : undefined);

/** https://artifacthub.io/docs/topics/annotations/helm/ */
function licence({ annotations = {} }: ChartYaml) {
  return licenceOf(annotations['artifacthub.io/license'] ?? annotations.licenses);
}

function dependencies(chart: ChartYaml): Description['dependencies'] {
  return chart.dependencies
    ?.filter(({ name, version = '' }) => fits(name) && fits(version))
    .slice(0, MAX_DEPENDENCIES)
    .map(({ name, version, condition, tags }) => ({
      name,
      ...(version === undefined ? {} : { requirement: version }),
      kind: condition !== undefined || tags?.length ? ('optional' as const) : ('runtime' as const),
    }));
}

const present = <T extends object>(all: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(all).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  ) as Partial<T>;
