import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Dealer } from 'zeromq';
import { OPENING_BYTES, serverGreeting } from '../../src/shared/protocol/curve-hello.js';
import { generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';

/** Returns what libzmq sends first to a server with this Curve key (Z85): its greeting and its HELLO. */
export const recordCurveOpening = async (serverKey: string): Promise<Buffer> => {
  const clientKeys = await generateCurveKeyPair();
  const server = createServer((socket) => socket.write(serverGreeting())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dealer = new Dealer({
    linger: 0,
    curveServerKey: serverKey,
    curvePublicKey: clientKeys.publicKey,
    curveSecretKey: clientKeys.secretKey,
  });
  dealer.connect(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket] = (await once(server, 'connection')) as [Socket];
  let received = Buffer.alloc(0);
  while (received.length < OPENING_BYTES) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    received = Buffer.concat([received, chunk]);
  }
  dealer.close();
  socket.destroy();
  server.close();
  await once(server, 'close');
  return received;
};
