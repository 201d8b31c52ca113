// Small int8 models for tests, made from what the checkout holds: a float file quantised by the rule of
// docs/model-format.md, and a model cut down to its first layers.

/** A safetensors file as a map: name -> { dtype, shape, bytes }. */
export function parse(file) {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: [from, to] = [] }] of Object.entries(header)) {
    if (name !== '__metadata__')
      tensors.set(name, { dtype, shape, bytes: file.subarray(8 + length + from, 8 + length + to) });
  }
  return tensors;
}

/** The file of such a map, F32 first. */
export function join(tensors) {
  const ordered = [...tensors].sort(([, a], [, b]) => Number(a.dtype !== 'F32') - Number(b.dtype !== 'F32'));
  const header = {};
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of ordered) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...ordered.map(([, { bytes }]) => bytes)]);
}

/** Every matrix of an F32 map but the classifier's as I8, with a scale for each row. */
export function quantized(tensors) {
  const all = new Map();
  for (const [name, tensor] of tensors) {
    const { dtype, shape, bytes } = tensor;
    if (dtype !== 'F32' || shape.length !== 2 || name === 'classifier.weight') {
      all.set(name, tensor);
      continue;
    }
    const [rows, columns] = shape;
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const [scales, codes] = [new Float32Array(rows), new Int8Array(values.length)];
    for (let row = 0; row < rows; row += 1) {
      const of = values.subarray(row * columns, (row + 1) * columns);
      scales[row] = of.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
      const code = (value) =>
        scales[row] === 0 ? 0 : Math.sign(value) * Math.round(Math.abs(value) / scales[row]);
      codes.set(of.map(code), row * columns);
    }
    all.set(name, { dtype: 'I8', shape, bytes: Buffer.from(codes.buffer) });
    all.set(`${name}_scale`, { dtype: 'F32', shape: [rows], bytes: Buffer.from(scales.buffer) });
  }
  return all;
}

/** The first `layers` encoder layers. */
export const cut = (tensors, layers) =>
  new Map([...tensors].filter(([name]) => Number(name.match(/encoder\.layer\.(\d+)\./)?.[1] ?? 0) < layers));
