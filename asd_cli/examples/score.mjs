// Decides on WAV files by an exported model, without Python.
//
//   npm install onnxruntime-web
//   node score.mjs fan-3.onnx clip.wav
//
// It prints a JSON line for each file: score, p_value, anomalous. The same lines run in a browser, with
// `fetch` in place of `readFileSync`.
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

// Fields of a protocol buffer: [number, content] of those that have a length.
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  };
  while (at < bytes.length) {
    const tag = varint(), kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    }
  }
}

// What stands next to the graph (field 14 of an ONNX model): each value is JSON.
function metadata(model) {
  const text = new TextDecoder(), found = {};
  for (const [number, entry] of fields(model)) {
    if (number !== 14) continue;
    const [key, value] = [...fields(entry)].map(([, content]) => text.decode(content));
    found[key.replace("asd.", "")] = JSON.parse(value);
  }
  return found;
}

// Samples of a WAV file of 16 bits, full scale 1: all channels averaged.
function readWav(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 12, channels = 1, rate = 0;
  for (;;) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    at += 8;
    if (name === "fmt ") {
      channels = view.getUint16(at + 2, true);
      rate = view.getUint32(at + 4, true);
      if (view.getUint16(at + 14, true) !== 16) throw new Error("16-bit samples are needed");
    } else if (name === "data") {
      const samples = new Float32Array(Math.floor(size / 2 / channels));
      for (let i = 0; i < samples.length * channels; i++) {
        samples[Math.floor(i / channels)] += view.getInt16(at + 2 * i, true) / 32768 / channels;
      }
      return { samples, rate };
    }
    at += size + (size % 2);
  }
}

const [modelPath, ...soundPaths] = process.argv.slice(2);
const model = new Uint8Array(readFileSync(modelPath));
const about = metadata(model);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });

for (const path of soundPaths) {
  const { samples, rate } = readWav(new Uint8Array(readFileSync(path)));
  if (rate !== about.sample_rate) throw new Error(`${rate} Hz; ${about.sample_rate} are needed`);
  if (samples.length < about.min_samples) throw new Error(`${samples.length} samples are too few`);
  const wave = new ort.Tensor("float32", samples, [1, samples.length]);
  const found = await session.run({ wave });
  console.log(JSON.stringify({
    file: path,
    machine: about.machine,
    score: found.score.data[0],
    p_value: found.p_value.data[0],
    anomalous: found.anomalous.data[0] === 1,
  }));
}
