// Asks the server: where the faces are, and what the models say of them.

// Larger crops would only be thrown away: this is the larger of the models' inputs.
const CROP_SIDE = 96;
const TIMEOUT_MS = 15_000;

export const MODELS = ["emotion_ai", "facial_keypoints"];
export const EMOTIONS = ["Angry", "Disgust", "Sad", "Happy", "Surprise"];

// An error whose message is for the person at the page.
export class PageError extends Error {}

async function fetchJson(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    if (error.name === "TimeoutError") throw new PageError("The server takes too long to answer. Try again later.");
    throw new PageError("The server does not answer. See that it is running, then try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const error = new PageError(answer.error || `The server answers with status ${response.status}.`);
  error.status = response.status;
  throw error;
}

// The newest version of a model that is served, as text; null where there is none.
export async function servedVersion(model) {
  try {
    const { model_version_status: versions } = await fetchJson(`v1/models/${model}`);
    const served = versions.filter(({ state }) => state === "AVAILABLE").map(({ version }) => version);
    return served.sort((one, other) => other - one)[0] ?? null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

// The faces in a canvas: { boxes: [{left, top, width, height}], note: what the person should know, or "" }. Where none
// is found, the square in the middle stands for one, and has `guessed`.
export async function findFaces(canvas) {
  const photo = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  try {
    const { boxes } = await fetchJson("demo/faces", { method: "POST", body: photo });
    if (boxes.length) return { boxes, note: "" };
    return { boxes: [centreSquare(canvas)], note: "No face found: put your face into the frame" };
  } catch (error) {
    // The server has no OpenCV.
    if (error.status !== 501) throw error;
    return { boxes: [centreSquare(canvas)], note: "This server does not search: put your face into the frame" };
  }
}

function centreSquare({ width, height }) {
  const side = Math.min(width, height);
  return { left: (width - side) / 2, top: (height - side) / 2, width: side, height: side, guessed: true };
}

// What both models say of each box: { faces: [{ box, emotion: {label, probabilities} or null, points: [[x, y]] or null }],
// problems: [message] }, points in pixels of the canvas. Where one model is not there, the other still answers.
export async function askModels(canvas, boxes) {
  const crops = boxes.map((box) => crop(canvas, box));
  const problems = [];
  const answers = {};
  for (const model of MODELS) {
    try {
      answers[model] = await predict(model, crops);
    } catch (error) {
      if (!(error instanceof PageError)) throw error;
      const unavailable = error.status === 404 || error.status === 503;
      problems.push(unavailable ? `The model ${model} is not available: ${error.message}` : error.message);
    }
  }
  if (problems.length === MODELS.length) throw new PageError([...new Set(problems)].join(" "));
  const faces = boxes.map((box, index) => {
    const emotion = answers.emotion_ai?.[index];
    const keypoints = answers.facial_keypoints?.[index];
    return {
      box,
      emotion: emotion && !emotion.error ? emotion : null,
      points: keypoints && !keypoints.error ? keypoints.keypoints.map((point) => toPhoto(point, box)) : null,
    };
  });
  return { faces, problems };
}

async function predict(model, crops) {
  const instances = crops.map((b64) => ({ image_bytes: { b64 } }));
  const options = { method: "POST", headers: { "Content-Type": "application/json" } };
  const body = JSON.stringify({ instances });
  return (await fetchJson(`v1/models/${model}:predict`, { ...options, body })).predictions;
}

function cropSize({ width, height }) {
  return [Math.min(CROP_SIDE, Math.round(width)), Math.min(CROP_SIDE, Math.round(height))];
}

// The box as a PNG in base64. Beyond the canvas's edges its outermost pixels go on, as in the training data's crops.
function crop(canvas, box) {
  const [width, height] = cropSize(box);
  const face = Object.assign(document.createElement("canvas"), { width, height });
  const context = face.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, box.left, box.top, box.width, box.height, 0, 0, width, height);
  const within = (edge, size, side, count) => [
    Math.max(0, Math.ceil((-edge / size) * count)),
    Math.min(count, Math.floor(((side - edge) / size) * count)) - 1,
  ];
  const [firstX, lastX] = within(box.left, box.width, canvas.width, width);
  const [firstY, lastY] = within(box.top, box.height, canvas.height, height);
  if (firstX > 0 || firstY > 0 || lastX < width - 1 || lastY < height - 1) {
    const image = context.getImageData(0, 0, width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        pixels[y * width + x] = pixels[clamp(y, firstY, lastY) * width + clamp(x, firstX, lastX)];
      }
    }
    context.putImageData(image, 0, 0);
  }
  return face.toDataURL("image/png").split(",")[1];
}

// The models count from the centre of the first pixel, a canvas from its corner.
function toPhoto([x, y], box) {
  const [width, height] = cropSize(box);
  return [box.left + ((x + 0.5) * box.width) / width, box.top + ((y + 0.5) * box.height) / height];
}
