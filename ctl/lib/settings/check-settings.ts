import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { SettingsFile } from './settings-file.js';
import { type RawSettings, type SectionName, sectionSchemas, type Settings } from './settings-schema.js';

const NUMBER = /^-?\d+(\.\d+)?$/;

/** Messages quote at most this many characters of a value. */
const MAX_SHOWN_LENGTH = 60;

/**
 * Merges the file's settings over the inherited ones, validates them and fills in defaults. Throws an AppError that names
 * file and line of each unknown key and each invalid value.
 */
export const checkSettings = (source: SettingsFile, inherited: RawSettings): Settings => {
  const problems: string[] = [];
  const checked = Object.entries(sectionSchemas).map(([name, schema]) => {
    const given = { ...inherited[name], ...source.sections[name] };
    const issues = [...numberIssues(schema, given), ...(schema.safeParse(given).error?.issues ?? [])];
    problems.push(...issues.map((issue) => describe(source, name as SectionName, given, issue)));
    return [name, issues.length === 0 ? schema.parse(given) : undefined] as const;
  });
  if (problems.length > 0) throw new AppError('settings_value', [...new Set(problems)].join('\n'));
  return Object.fromEntries(checked) as unknown as Settings;
};

/** A problem with one setting. */
interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** Numbers may be written as strings. `true` and `''` are rejected, although JavaScript would convert them. */
const numberIssues = (schema: z.ZodObject, given: Readonly<Record<string, unknown>>): Issue[] =>
  Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([key, type]): Issue[] => {
    const value = given[key];
    const inner = withoutDefault(type);
    if (value === undefined) return [];
    if (inner instanceof z.ZodObject && typeof value === 'object') {
      const deeper = numberIssues(inner, value as Record<string, unknown>);
      return deeper.map((issue) => ({ ...issue, path: [key, ...issue.path] }));
    }
    if (!(inner instanceof z.ZodNumber) || typeof value === 'number') return [];
    return typeof value === 'string' && NUMBER.test(value)
      ? []
      : [{ code: 'not_a_number', path: [key], message: 'must be a number' }];
  });

const withoutDefault = (type: z.ZodType): z.ZodType =>
  type instanceof z.ZodDefault || type instanceof z.ZodPrefault || type instanceof z.ZodOptional
    ? withoutDefault(type.unwrap() as z.ZodType)
    : type;

const describe = (source: SettingsFile, section: SectionName, given: unknown, issue: Issue): string => {
  const [key = issue.keys?.[0] ?? ''] = issue.path.map(String);
  const line = source.lines.get(`${section}.${key}`);
  const where = line === undefined ? source.file : `${source.file}, line ${line}`;
  if (issue.code === 'unrecognized_keys') return describeUnknown(where, section, issue);
  const name = [section, ...issue.path.map((part) => `['${String(part)}']`)].join('');
  const value = valueAt(given, issue.path);
  const shown = value === undefined ? '' : ` (it is ${JSON.stringify(value).slice(0, MAX_SHOWN_LENGTH)})`;
  return `${where}: ${name}: ${issue.message}${shown}`;
};

const describeUnknown = (where: string, section: SectionName, { path, keys = [] }: Issue): string => {
  const full = [...path.map(String), ...keys].map((part) => `['${part}']`).join('');
  const known = Object.keys(sectionSchemas[section].shape).sort().join(', ');
  return `${where}: ${section}${full} is unknown; known settings: ${known}`;
};

const valueAt = (given: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    given,
  );
