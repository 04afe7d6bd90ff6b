// Configuration files: YAML checked by a zod schema, every problem with the line at fault. Reads one file; knows none of
// the keys.
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { readText } from './files.ts';
import { formatPath, positionOf } from './positions.ts';

/**
 * @param schema made of strict objects, so that an unknown key is an error.
 * @throws ConfigError with all problems of the file, in the order of its lines.
 */
export async function loadConfig<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const lines = new LineCounter();
  const document = parseDocument(await readText(file), { lineCounter: lines, prettyErrors: false });
  const broken = [...document.errors, ...document.warnings].map(
    ({ pos, message }): ConfigProblem => ({ file, line: lines.linePos(pos[0]).line, message }),
  );
  if (broken.length > 0) throw new ConfigError(broken);

  // An empty file is a mapping without keys: the keys that are missing tell more than the missing mapping.
  const checked = await schema.safeParseAsync(documentValue(document, file) ?? {});
  if (checked.success) return checked.data;
  const problems = checked.error.issues.flatMap((issue) => problemsOf(issue, file, document, lines));
  throw new ConfigError(problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)));
}

function documentValue(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // An alias without its anchor, or aliases that multiply beyond reason.
    if (!(error instanceof ReferenceError)) throw error;
    throw new ConfigError([{ file, message: error.message }], { cause: error });
  }
}

function problemsOf(
  issue: z.core.$ZodIssue,
  file: string,
  document: Document,
  lines: LineCounter,
): ConfigProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const keyPath = [...path, key];
      const { line } = positionOf(document, lines, keyPath);
      return { file, line, key: formatPath(keyPath), message: 'unknown key' };
    });
  }
  const { line, found } = positionOf(document, lines, path);
  const message = found || issue.code === 'custom' ? messageOf(issue) : 'missing';
  return [{ file, line, ...(path.length > 0 && { key: formatPath(path) }), message }];
}

function messageOf(issue: z.core.$ZodIssue): string {
  // Of a key that its own schema refuses, the reason is inside.
  const [inner] = issue.code === 'invalid_key' ? issue.issues : [];
  return (inner?.message ?? issue.message).replace(/^Invalid (input|option): /, '');
}
