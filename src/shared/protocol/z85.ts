/** Z85, the text encoding of ZeroMQ keys (ZeroMQ RFC 32): 4 bytes become 5 characters. */
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

const VALUE_OF = new Map(Array.from(ALPHABET).map((character, value) => [character, value]));

/** Encodes bytes as Z85. Throws a RangeError if their number is not a multiple of 4. */
export const encodeZ85 = (bytes: Uint8Array): string => {
  if (bytes.length % 4 !== 0) throw new RangeError(`Z85 needs a multiple of 4 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    let word = view.getUint32(at);
    let chunk = '';
    for (let digit = 0; digit < 5; digit++) {
      chunk = ALPHABET.charAt(word % 85) + chunk;
      word = Math.floor(word / 85);
    }
    text += chunk;
  }
  return text;
};

/** Decodes Z85; undefined if the length, a character or the value of a group is invalid. */
export const decodeZ85 = (text: string): Buffer | undefined => {
  if (text.length % 5 !== 0) return undefined;
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let group = 0; group < text.length / 5; group++) {
    let word = 0;
    for (const character of text.slice(group * 5, group * 5 + 5)) {
      const value = VALUE_OF.get(character);
      if (value === undefined) return undefined;
      word = word * 85 + value;
    }
    if (word > 0xffffffff) return undefined;
    bytes.writeUInt32BE(word, group * 4);
  }
  return bytes;
};
