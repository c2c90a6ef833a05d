import { Dealer, type EventType, type SocketOptions } from 'zeromq';
import type { CurveKeyPair } from '../../src/shared/protocol/curve-key.js';

/** Connects with these options, sends a message, and resolves to the first event that ends the handshake. */
export const connectionOutcome = async (
  address: string,
  options: SocketOptions<Dealer>,
): Promise<EventType> => {
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

/** Socket options of a client with this key pair, for a server with this public key (Z85). */
export const curveOptions = (clientKeys: CurveKeyPair, serverKey: string): SocketOptions<Dealer> => ({
  curvePublicKey: clientKeys.publicKey,
  curveSecretKey: clientKeys.secretKey,
  curveServerKey: serverKey,
});
