import { Dealer, type EventType, type SocketOptions } from 'zeromq';
import type { CurveKeyPair } from '../../src/shared/protocol/curve-key.js';

/** Connects with these options, sends a message, and resolves to what becomes of the connection. */
export const outcomeOf = async (address: string, options: SocketOptions<Dealer>): Promise<EventType> => {
  const dealer = new Dealer({ linger: 0, ...options });
  try {
    const outcome = new Promise<EventType>((resolve) => {
      for (const type of [
        'handshake',
        'handshake:error:auth',
        'handshake:error:protocol',
        'handshake:error:other',
        'disconnect',
      ] as const) {
        dealer.events.on(type, () => resolve(type));
      }
    });
    dealer.connect(address);
    await dealer.send(['header', 'body']);
    return await outcome;
  } finally {
    dealer.close();
  }
};

/** The options of a client with this key pair that knows its server by this key. */
export const curveOptions = (mine: CurveKeyPair, serverKey: string): SocketOptions<Dealer> => ({
  curvePublicKey: mine.publicKey,
  curveSecretKey: mine.secretKey,
  curveServerKey: serverKey,
});
