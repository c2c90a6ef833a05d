/** Sends messages as fast as it can, in its own process; `machine-speed.ts` starts it. */
import { curveKeyPair, Dealer } from 'zeromq';
import type { SenderTask } from './machine-speed.js';

/** Header and body, as large as those of a heartbeat. */
const FRAMES = ['h'.repeat(120), 'b'.repeat(180)];

let dealer: Dealer | undefined;

const connect = ({ address, serverKey }: SenderTask): void => {
  const { publicKey, secretKey } = curveKeyPair();
  dealer = new Dealer({
    curveServerKey: serverKey,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
    sendHighWaterMark: 0,
  });
  dealer.connect(address);
};

const send = async (count: number): Promise<void> => {
  for (let sent = 0; sent < count; sent++) await dealer?.send(FRAMES);
  process.send?.('sent');
};

process.on('message', (message: SenderTask | number) => {
  if (typeof message === 'number') void send(message);
  else connect(message);
});
process.on('disconnect', () => process.exit(0));
