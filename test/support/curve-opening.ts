import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Dealer } from 'zeromq';
import { OPENING_BYTES, serverGreeting } from '../../src/shared/protocol/curve-hello.js';
import { generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';

/** What a client of libzmq sends to a server with this Curve key (Z85) of which it gets no more than the greeting. */
export const recordCurveOpening = async (serverKey: string): Promise<Buffer> => {
  const mine = await generateCurveKeyPair();
  const server = createServer((socket) => socket.write(serverGreeting())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dealer = new Dealer({
    linger: 0,
    curveServerKey: serverKey,
    curvePublicKey: mine.publicKey,
    curveSecretKey: mine.secretKey,
  });
  dealer.connect(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket] = (await once(server, 'connection')) as [Socket];
  let said = Buffer.alloc(0);
  while (said.length < OPENING_BYTES) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    said = Buffer.concat([said, chunk]);
  }
  dealer.close();
  socket.destroy();
  server.close();
  await once(server, 'close');
  return said;
};
