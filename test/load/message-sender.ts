/** Sends as many messages as it is told, as fast as it can; `machine-speed.ts` starts it. */
import { curveKeyPair, Dealer } from 'zeromq';
import type { SenderTask } from './machine-speed.js';

/** Of the size of a heartbeat: header and body. */
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

process.on('message', (told: SenderTask | number) => {
  if (typeof told === 'number') void send(told);
  else connect(told);
});
process.on('disconnect', () => process.exit(0));
