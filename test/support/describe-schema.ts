import type { TestDatabase } from './database.js';

const COLUMNS = `
  SELECT c.relname AS "table", a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
      || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'migrations'
  ORDER BY c.relname, a.attname COLLATE "C"`;

const CONSTRAINTS = `
  SELECT c.relname AS "table", pg_get_constraintdef(k.oid) AS line
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('p', 'u', 'f') AND c.relname <> 'migrations'
  ORDER BY c.relname, pg_get_constraintdef(k.oid) COLLATE "C"`;

const INDEXES = `
  SELECT tablename AS "table", indexdef AS line FROM pg_indexes
  WHERE schemaname = 'public' AND tablename <> 'migrations'
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
  ORDER BY tablename, indexname`;

/** Describes the schema `public` as text: below each table, a line per column, key and index. */
export const describeSchema = async (database: TestDatabase): Promise<string> => {
  const tables = new Map<string, string[]>();
  for (const query of [COLUMNS, CONSTRAINTS, INDEXES]) {
    for (const row of await database.sql(query)) {
      const { table, line } = row as { table: string; line: string };
      tables.set(table, [...(tables.get(table) ?? []), `  ${line}`]);
    }
  }
  return [...tables].map(([table, lines]) => `${table}\n${lines.join('\n')}\n`).join('\n');
};
