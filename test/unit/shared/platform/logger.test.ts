import { describe, expect, it } from 'vitest';
import { createLogger, setLogLevel } from '../../../../src/shared/platform/logger.js';

const recordingDestination = () => {
  const lines: string[] = [];
  return { lines, write: (line: string) => void lines.push(line) };
};

const firstLine = (lines: string[]): unknown => JSON.parse(lines[0] ?? '');

describe('createLogger', () => {
  it('writes one JSON object per line with the level as text and the scope of a child', () => {
    const destination = recordingDestination();
    createLogger({ level: 'info', destination }).child({ org: 'acme', node: 'web1' }).info('is online');

    expect(firstLine(destination.lines)).toMatchObject({
      level: 'info',
      org: 'acme',
      node: 'web1',
      msg: 'is online',
    });
  });

  it('does not write lines below its level', () => {
    const destination = recordingDestination();
    createLogger({ level: 'warn', destination }).info('nobody asked');

    expect(destination.lines).toEqual([]);
  });

  it.each(['key', 'curve_secret_key', 'session_seal_key', 'sql_password', 'authorization', 'stdout'])(
    'removes the value of %s, also one level down',
    (name) => {
      const destination = recordingDestination();
      createLogger({ level: 'info', destination }).info(
        { [name]: 's3cret', inner: { [name]: 's3cret' } },
        'oops',
      );

      expect(destination.lines.join('')).not.toContain('s3cret');
    },
  );

  it.each(['key', 'sql_password', 'authorization', 'stdout'])('removes %s from an error', (name) => {
    const destination = recordingDestination();
    const err = Object.assign(new Error('no connection'), { [name]: 's3cret' });
    createLogger({ level: 'info', destination }).error({ err }, 'oops');

    expect(firstLine(destination.lines)).toMatchObject({ err: { message: 'no connection' } });
    expect(destination.lines.join('')).not.toContain('s3cret');
  });

  it('writes lists, dates and objects without secrets at any depth, and cuts circular ones', () => {
    const destination = recordingDestination();
    const circle: Record<string, unknown> = { name: 'round' };
    circle.self = circle;
    const fields = {
      nodes: ['a', 'b'],
      until: new Date(0),
      changed: { voting_timeout: { from: 60, to: 90 }, database: { sql_password: 's3cret' } },
      list: [{ password: 's3cret', user: 'alice' }],
      circle,
    };
    createLogger({ level: 'info', destination }).child({ scope: 'jobs' }).info(fields, 'oops');

    expect(firstLine(destination.lines)).toMatchObject({
      nodes: ['a', 'b'],
      until: '1970-01-01T00:00:00.000Z',
      changed: { voting_timeout: { from: 60, to: 90 }, database: { sql_password: '[secret]' } },
      list: [{ password: '[secret]', user: 'alice' }],
      circle: { name: 'round', self: { name: 'round' } },
    });
    expect(destination.lines.join('')).not.toContain('s3cret');
  });

  it('changes its level and that of all its descendants while in use', () => {
    const { lines, write } = recordingDestination();
    const logger = createLogger({ level: 'info', destination: { write } });
    const child = logger.child({ scope: 'jobs' });
    const grandchild = child.child({ job: '1' });
    child.debug('too early');
    setLogLevel(logger, 'debug');
    for (const each of [logger, child, grandchild]) each.debug('told');
    expect(child.isLevelEnabled('debug')).toBe(true);
    setLogLevel(logger, 'error');
    for (const each of [logger, child, grandchild, logger.child({})]) each.warn('nobody asked');
    expect(lines).toHaveLength(3);
  });
});
