import type { Socket } from 'node:net';
import {
  nullGreeting,
  pong,
  publisherReady,
  type SubscriberInput,
  SubscriberReader,
} from '../../protocol/zmtp.js';

/** Why a connection is closed: it is no subscriber, it sends too much, it does not read, or others need the room. */
export type CloseReason = 'invalid' | 'too_slow_handshake' | 'sends_too_much' | 'not_reading' | 'evicted';

export interface SubscriberConnectionEvents {
  /** The connection ended; with a reason if we closed it because of what it did. */
  readonly closed: (connection: SubscriberConnection, reason: CloseReason | undefined) => void;
}

/**
 * Bytes that a subscriber may send between two messages of ours, besides its greeting. Clients subscribe once, to
 * everything; a PING has 25 bytes at most.
 */
const MAX_BYTES_BETWEEN_MESSAGES = 4096;

/** A subscriber that could not take this many messages in a row is disconnected. */
const MAX_MISSED_MESSAGES = 3;

const GREETING = nullGreeting();
const READY = publisherReady();

/** One subscriber. What it sends is read and dropped; nothing of it stays in memory. */
export class SubscriberConnection {
  /** The address that it comes from. */
  readonly remoteAddress: string;
  private readonly reader = new SubscriberReader();
  private readonly handshakeTimer: NodeJS.Timeout;
  private receivedBytes = 0;
  private missedMessages = 0;
  private reason: CloseReason | undefined;

  constructor(
    private readonly socket: Socket,
    handshakeMs: number,
    events: SubscriberConnectionEvents,
  ) {
    this.remoteAddress = socket.remoteAddress ?? 'gone';
    this.handshakeTimer = setTimeout(() => this.close('too_slow_handshake'), handshakeMs);
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('error', () => socket.destroy()); // it was reset: the client connects again
    socket.on('close', () => {
      clearTimeout(this.handshakeTimer);
      events.closed(this, this.reason);
    });
    socket.write(GREETING);
  }

  /** Sends a message, unless the handshake is not over or the subscriber still has an earlier one to read. */
  send(message: Buffer): void {
    if (!this.reader.isOpen || this.socket.destroyed) return;
    this.receivedBytes = 0;
    if (this.socket.writableLength > 0) {
      if (++this.missedMessages >= MAX_MISSED_MESSAGES) this.close('not_reading');
      return;
    }
    this.missedMessages = 0;
    this.socket.write(message);
  }

  /** Closes the connection at once. */
  close(reason?: CloseReason): void {
    this.reason ??= reason;
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > MAX_BYTES_BETWEEN_MESSAGES) return this.close('sends_too_much');
    this.reader.read(chunk, (input) => this.act(input));
  }

  private act(input: SubscriberInput): void {
    switch (input.type) {
      case 'greeted':
        this.socket.write(READY);
        return;
      case 'ready':
        clearTimeout(this.handshakeTimer);
        return;
      case 'ping':
        // Without a free connection the peer sees by itself that nothing comes.
        if (this.socket.writableLength === 0) this.socket.write(pong(input.context));
        return;
      case 'invalid':
        return this.close('invalid');
    }
  }
}
