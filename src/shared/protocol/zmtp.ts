/**
 * As much of ZMTP 3.0 with the NULL mechanism as a publisher needs (ZeroMQ RFC 23): its greeting and READY command, how a
 * message is encoded, and a reader of what a subscriber sends that keeps nothing of it.
 */

export const ZMTP_GREETING_BYTES = 64;

const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;

/** Size of the name of a mechanism in the greeting. */
const MECHANISM_BYTES = 20;

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** The greeting of a peer that speaks ZMTP 3.0 without encryption. */
export const nullGreeting = (): Buffer => {
  const greeting = Buffer.alloc(ZMTP_GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting.write('NULL', 12, 'latin1');
  return greeting;
};

/** Whether a greeting is from a peer that speaks ZMTP 3 without encryption. */
export const isNullGreeting = (greeting: Buffer): boolean => {
  const isZmtp3 = greeting[0] === 0xff && (greeting.readUInt8(9) & 1) === 1 && greeting.readUInt8(10) >= 3;
  const mechanism = greeting.toString('latin1', 12, 12 + MECHANISM_BYTES).replace(/\0+$/, '');
  return isZmtp3 && mechanism === 'NULL';
};

/** A frame; flags are the bits of ZMTP, without the one for long frames. */
const encodeZmtpFrame = (flags: number, body: Buffer): Buffer => {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
};

/** A whole message of several frames, ready for the wire. */
export const encodeZmtpMessage = (frames: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(
    frames.map((frame, index) =>
      encodeZmtpFrame(
        index < frames.length - 1 ? MORE : 0,
        typeof frame === 'string' ? Buffer.from(frame) : frame,
      ),
    ),
  );

/** The READY command of a publisher. */
export const publisherReady = (): Buffer => {
  const name = text('Socket-Type');
  const value = text('PUB');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  const body = Buffer.concat([text('\x05READY'), Buffer.from([name.length]), name, size, value]);
  return encodeZmtpFrame(COMMAND, body);
};

/** The reply to a PING with this context (at most 16 bytes). */
export const pong = (context: Buffer): Buffer =>
  encodeZmtpFrame(COMMAND, Buffer.concat([text('\x04PONG'), context]));

/** What a subscriber sent that a publisher must act on. */
export type SubscriberInput =
  /** Its greeting is complete: it waits for ours, and for READY. */
  | { readonly type: 'greeted' }
  | { readonly type: 'ready' }
  | { readonly type: 'ping'; readonly context: Buffer }
  /** Not ZMTP 3 with NULL, or not a subscriber: the connection must be closed. */
  | { readonly type: 'invalid'; readonly reason: string };

/** Commands are short: READY with an identity and some metadata, PING with 16 bytes of context. */
const MAX_COMMAND_BYTES = 1024;

/** Two bytes of time-to-live come before the context of a PING. */
const PING_CONTEXT_AT = '\x04PING'.length + 2;
const MAX_PING_CONTEXT_BYTES = 16;

/**
 * Reads the byte stream of one subscriber. It keeps at most one command (1 kB) in memory; of a message it counts only the
 * bytes, however long it is said to be.
 *
 * greeting → handshake when the greeting is complete; handshake → open with READY; a fault in any state → closed.
 */
export class SubscriberReader {
  private state: 'greeting' | 'handshake' | 'open' | 'closed' = 'greeting';
  private kept: Buffer = Buffer.alloc(0);
  /** Bytes of the present message that have not come yet. */
  private toSkip = 0n;

  /** Whether the handshake is over, so that messages may be sent. */
  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Takes the next bytes; calls `onInput` for each thing that they complete. Messages and other commands are skipped. */
  read(chunk: Buffer, onInput: (input: SubscriberInput) => void): void {
    let rest = this.skip(chunk);
    while (rest.length > 0 && this.state !== 'closed') {
      const bytes: Buffer = this.kept.length === 0 ? rest : Buffer.concat([this.kept, rest]);
      this.kept = Buffer.alloc(0);
      const taken =
        this.state === 'greeting' ? this.readGreeting(bytes, onInput) : this.readFrame(bytes, onInput);
      if (taken === 0) {
        // A copy: a slice would keep the whole chunk in memory.
        if (!this.isClosed()) this.kept = Buffer.from(bytes);
        return;
      }
      rest = this.skip(bytes.subarray(taken));
    }
  }

  /** A method, because the compiler does not see that a call in between may close. */
  private isClosed(): boolean {
    return this.state === 'closed';
  }

  private skip(bytes: Buffer): Buffer {
    if (this.toSkip === 0n || bytes.length === 0) return bytes;
    const skipped = this.toSkip < BigInt(bytes.length) ? Number(this.toSkip) : bytes.length;
    this.toSkip -= BigInt(skipped);
    return bytes.subarray(skipped);
  }

  private readGreeting(bytes: Buffer, onInput: (input: SubscriberInput) => void): number {
    if (bytes[0] !== 0xff) return this.fail('it does not speak ZMTP', onInput);
    if (bytes.length < ZMTP_GREETING_BYTES) return 0;
    if (!isNullGreeting(bytes)) return this.fail('it does not speak ZMTP 3 without encryption', onInput);
    this.state = 'handshake';
    onInput({ type: 'greeted' });
    return ZMTP_GREETING_BYTES;
  }

  private readFrame(bytes: Buffer, onInput: (input: SubscriberInput) => void): number {
    const flags = bytes.readUInt8(0);
    const headBytes = (flags & LONG) === 0 ? 2 : 9;
    if (bytes.length < headBytes) return 0;
    const size = headBytes === 2 ? BigInt(bytes.readUInt8(1)) : bytes.readBigUInt64BE(1);
    if ((flags & COMMAND) === 0) {
      if (this.state !== 'open') return this.fail('a message came before READY', onInput);
      this.toSkip = size;
      return headBytes;
    }
    if (size > BigInt(MAX_COMMAND_BYTES)) return this.fail('a command is too long', onInput);
    const end = headBytes + Number(size);
    if (bytes.length < end) return 0;
    this.readCommand(bytes.subarray(headBytes, end), onInput);
    return end;
  }

  private readCommand(body: Buffer, onInput: (input: SubscriberInput) => void): void {
    const name = body.toString('latin1', 1, 1 + (body[0] ?? 0));
    if (this.state === 'handshake') {
      if (name !== 'READY') return void this.fail(`${JSON.stringify(name)} came in place of READY`, onInput);
      const socketType = propertiesOf(body.subarray(1 + name.length)).get('socket-type');
      if (socketType !== 'SUB' && socketType !== 'XSUB')
        return void this.fail('it is not a subscriber', onInput);
      this.state = 'open';
      return onInput({ type: 'ready' });
    }
    if (name !== 'PING') return;
    const context = body.subarray(PING_CONTEXT_AT, PING_CONTEXT_AT + MAX_PING_CONTEXT_BYTES);
    onInput({ type: 'ping', context: Buffer.from(context) });
  }

  private fail(reason: string, onInput: (input: SubscriberInput) => void): 0 {
    this.state = 'closed';
    onInput({ type: 'invalid', reason });
    return 0;
  }
}

/** The metadata of a READY command, by name in lower case; what is cut off is left out. */
const propertiesOf = (bytes: Buffer): ReadonlyMap<string, string> => {
  const properties = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const nameEnd = at + 1 + bytes.readUInt8(at);
    if (nameEnd + 4 > bytes.length) break;
    const valueEnd = nameEnd + 4 + bytes.readUInt32BE(nameEnd);
    if (valueEnd > bytes.length) break;
    const name = bytes.toString('latin1', at + 1, nameEnd).toLowerCase();
    properties.set(name, bytes.toString('latin1', nameEnd + 4, valueEnd));
    at = valueEnd;
  }
  return properties;
};
