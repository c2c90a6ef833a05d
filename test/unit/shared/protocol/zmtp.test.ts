import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeZmtpMessage,
  isNullGreeting,
  nullGreeting,
  pong,
  type SubscriberInput,
  SubscriberReader,
} from '../../../../src/shared/protocol/zmtp.js';

const command = (name: string, rest: Buffer = Buffer.alloc(0)): Buffer => {
  const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), rest]);
  return Buffer.concat([Buffer.from([4, body.length]), body]);
};

const property = (name: string, value: string): Buffer => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), size, Buffer.from(value)]);
};

const ready = (socketType: string): Buffer => command('READY', property('Socket-Type', socketType));
const ping = (context: string): Buffer =>
  command('PING', Buffer.concat([Buffer.from([0, 9]), Buffer.from(context)]));
const subscription = (topic: string | Buffer): Buffer =>
  encodeZmtpMessage([Buffer.concat([Buffer.from([1]), Buffer.from(topic)])]);

const inputsOf = (chunks: readonly Buffer[], reader = new SubscriberReader()): SubscriberInput[] => {
  const inputs: SubscriberInput[] = [];
  for (const chunk of chunks) reader.read(chunk, (input) => inputs.push(input));
  return inputs;
};

const typesOf = (...chunks: Buffer[]): string[] => inputsOf(chunks).map(({ type }) => type);

describe('encodeZmtpMessage', () => {
  it('marks all frames but the last with MORE', () => {
    expect(encodeZmtpMessage(['ab', 'c'])).toEqual(Buffer.from([1, 2, 97, 98, 0, 1, 99]));
  });

  it('uses eight bytes of length from 256 bytes on', () => {
    expect(encodeZmtpMessage([Buffer.alloc(255)]).subarray(0, 2)).toEqual(Buffer.from([0, 255]));
    expect(encodeZmtpMessage([Buffer.alloc(256)]).subarray(0, 9)).toEqual(
      Buffer.from([2, 0, 0, 0, 0, 0, 0, 1, 0]),
    );
  });
});

describe('SubscriberReader', () => {
  it('follows greeting and READY of a subscriber and opens', () => {
    expect(isNullGreeting(nullGreeting())).toBe(true);
    expect(typesOf(nullGreeting(), ready('SUB'))).toEqual(['greeted', 'ready']);
    expect(typesOf(nullGreeting(), ready('XSUB'))).toEqual(['greeted', 'ready']);
  });

  it('gives the same inputs however the bytes are cut', () => {
    const stream = Buffer.concat([
      nullGreeting(),
      ready('SUB'),
      subscription(''),
      ping('one'),
      subscription(Buffer.alloc(700, 7)),
      command('SUBSCRIBE', Buffer.from('topic')),
      ping('two'),
    ]);
    const whole = inputsOf([stream]);
    expect(whole.map(({ type }) => type)).toEqual(['greeted', 'ready', 'ping', 'ping']);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 60 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const chunks = edges.slice(1).map((end, index) => stream.subarray(edges[index], end));
        expect(inputsOf(chunks)).toEqual(whole);
      }),
    );
  });

  it('skips a message that is said to be endless, without keeping any of it', () => {
    const reader = new SubscriberReader();
    const endless = Buffer.alloc(9, 0xff);
    endless[0] = 2;
    inputsOf([nullGreeting(), ready('SUB'), endless], reader);
    const chunk = Buffer.alloc(1 << 20);
    expect(inputsOf(Array<Buffer>(64).fill(chunk), reader)).toEqual([]);
    const state = JSON.stringify(reader, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(state.length).toBeLessThan(2000);
  });

  it.each([
    ['bytes that are not ZMTP', [Buffer.from('GET / HTTP/1.1\r\n')]],
    ['another mechanism', [Buffer.from(nullGreeting()).fill('CURVE', 12, 17)]],
    ['ZMTP 2', [Buffer.from(nullGreeting()).fill(2, 10, 11)]],
    ['a message before READY', [nullGreeting(), subscription('')]],
    ['another command before READY', [nullGreeting(), ping('')]],
    ['a peer that does not subscribe', [nullGreeting(), ready('DEALER')]],
    ['a READY that is cut off', [nullGreeting(), command('READY', Buffer.from([200, 1]))]],
    ['a command over 1 kB', [nullGreeting(), Buffer.from([6, 0, 0, 0, 0, 0, 0, 4, 1])]],
  ])('finds %s invalid, and ignores what follows', (_, chunks) => {
    const types = typesOf(...chunks, ready('SUB'), ping(''));
    expect(types.at(-1)).toBe('invalid');
    expect(types).not.toContain('ready');
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.boolean(), (chunks, shakesHands) => {
        const reader = new SubscriberReader();
        if (shakesHands) inputsOf([nullGreeting(), ready('SUB')], reader);
        inputsOf(
          chunks.map((bytes) => Buffer.from(bytes)),
          reader,
        );
      }),
    );
  });

  it('answers a PING with its context, at most 16 bytes of it', () => {
    const [, , input] = inputsOf([nullGreeting(), ready('SUB'), ping('0123456789abcdefXYZ')]);
    expect(input).toEqual({ type: 'ping', context: Buffer.from('0123456789abcdef') });
    expect(pong(Buffer.from('ctx'))).toEqual(Buffer.from([4, 8, 4, 80, 79, 78, 71, 99, 116, 120]));
  });
});
