import { describe, expect, it } from 'vitest';
import { nextEventLoopTurn } from '../../../support/controllable-store.js';
import { Mailbox } from '../../../../src/shared/lib/mailbox.js';

const failOnError = (thrown: unknown): never => {
  throw thrown;
};

describe('a mailbox', () => {
  it('handles an event at once', () => {
    const seen: string[] = [];
    new Mailbox<string>((event) => seen.push(event), failOnError).post('one');
    expect(seen).toEqual(['one']);
  });

  it('handles an event that is posted by the handler after the current one', () => {
    const seen: string[] = [];
    const mailbox = new Mailbox<string>((event) => {
      seen.push(`begin ${event}`);
      if (event === 'one') {
        mailbox.post('two');
        mailbox.post('three');
      }
      seen.push(`end ${event}`);
    }, failOnError);
    mailbox.post('one');
    expect(seen).toEqual(['begin one', 'end one', 'begin two', 'end two', 'begin three', 'end three']);
  });

  it('calls onError and continues if the handler throws', () => {
    const seen: string[] = [];
    const told: unknown[] = [];
    const mailbox = new Mailbox<string>(
      (event) => {
        if (event === 'bad') {
          mailbox.post('queued behind');
          throw new Error('broken');
        }
        seen.push(event);
      },
      (thrown, event) => told.push([(thrown as Error).message, event]),
    );
    mailbox.post('bad');
    mailbox.post('later');
    expect(told).toEqual([['broken', 'bad']]);
    expect(seen).toEqual(['queued behind', 'later']);
  });

  it('continues if onError throws too', () => {
    const seen: string[] = [];
    const mailbox = new Mailbox<string>((event) => {
      if (event === 'bad') throw new Error('broken');
      seen.push(event);
    }, failOnError);
    expect(() => mailbox.post('bad')).toThrow('broken');
    mailbox.post('later');
    expect(seen).toEqual(['later']);
  });

  it('handles what waits if onError throws, without another post', async () => {
    const seen: string[] = [];
    const mailbox = new Mailbox<string>((event) => {
      if (event === 'bad') {
        mailbox.post('queued behind');
        throw new Error('broken');
      }
      seen.push(event);
    }, failOnError);
    expect(() => mailbox.post('bad')).toThrow('broken');
    await nextEventLoopTurn();
    expect(seen).toEqual(['queued behind']);
  });

  it('handles a long chain of events without growing the stack', () => {
    let handled = 0;
    const mailbox = new Mailbox<number>((left) => {
      handled++;
      if (left > 0) mailbox.post(left - 1);
    }, failOnError);
    mailbox.post(50_000);
    expect(handled).toBe(50_001);
  });
});
