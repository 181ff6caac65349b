// The page: takes photos and the camera's frames, and shows what comes of them.

import { colourOf, draw, percent } from "./drawing.js";
import { EMOTIONS, MODELS, PageError, askModels, findFaces, servedVersion } from "./models.js";

// Pixels of the longer side of what is searched and sent.
const PHOTO_SIDE = 1600;
const FRAME_SIDE = 480;
const FRAME_INTERVAL_MS = 100;
// After an error that may pass, such as a server that is overloaded.
const PAUSE_MS = 1000;
// A screen reader needs time to read.
const ANNOUNCE_INTERVAL_MS = 4000;
const VERSIONS_INTERVAL_MS = 15_000;
const MAX_FACES = 32;

const element = (id) => document.getElementById(id);
const [stage, picture, video, file, cameraButton] = ["stage", "picture", "video", "file", "camera"].map(element);

// What the stage shows: { source, size: {width, height}, faces, mirrored }, or null.
let shown = null;
let stream = null;
// Whether the person is being asked for the camera.
let starting = false;
// Counts what was begun, so that a late answer to an earlier picture is not shown.
let turn = 0;
let announced = { names: "", at: 0 };

function showError(message) {
  element("error").textContent = message;
  element("error").hidden = !message;
}

function showHint(message) {
  element("hint").textContent = message;
  element("hint").hidden = !message;
}

function redraw() {
  if (!shown) return;
  element("empty").hidden = true;
  picture.hidden = false;
  stage.classList.add("filled");
  const room = { width: stage.clientWidth, height: Math.max(240, window.innerHeight * 0.68) };
  draw(picture, shown.source, shown.size, shown.faces, room, shown.mirrored);
}

function create(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function card({ emotion, box }, index, count) {
  const result = create("article", "card");
  result.style.setProperty("--colour", colourOf(emotion));
  const heading = create("header", "");
  heading.append(create("span", "dot"), create("h2", "", emotion ? emotion.label : "No answer"));
  heading.append(create("span", "which", box.guessed ? "centre square" : count > 1 ? `face ${index + 1}` : ""));
  result.append(heading);
  if (emotion) {
    const bars = create("ul", "bars");
    const highest = Math.max(...emotion.probabilities);
    emotion.probabilities.forEach((part, id) => {
      const row = create("li", part === highest ? "first" : "");
      const [track, bar] = [create("span", "track"), create("span", "bar")];
      row.style.setProperty("--colour", colourOf({ label: EMOTIONS[id] }));
      row.style.setProperty("--part", `${part * 100}%`);
      track.append(bar);
      row.append(create("span", "", EMOTIONS[id]), track, create("span", "number", percent(part)));
      bars.append(row);
    });
    result.append(bars);
  }
  return result;
}

function showAnswers(faces, milliseconds) {
  element("faces").replaceChildren(...faces.map((face, index) => card(face, index, faces.length)));
  element("latency").textContent = `${Math.round(milliseconds)} ms`;
}

function describe(faces) {
  const names = faces.map(({ emotion }) =>
    emotion ? `${emotion.label}, ${Math.round(Math.max(...emotion.probabilities) * 100)} percent` : "no emotion",
  );
  const where = faces[0].box.guessed ? "Centre square" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
  return `${where}: ${names.join("; ")}`;
}

function announce(faces) {
  const text = describe(faces);
  picture.setAttribute("aria-label", text);
  const names = faces.map(({ emotion }) => emotion?.label).join();
  const now = performance.now();
  if (stream && (names === announced.names || now - announced.at < ANNOUNCE_INTERVAL_MS)) return;
  announced = { names, at: now };
  element("summary").textContent = text;
}

async function showVersions() {
  for (const model of MODELS) {
    const place = element(`version-${model}`);
    try {
      const version = await servedVersion(model);
      place.textContent = version === null ? "not available" : `version ${version}`;
      place.classList.toggle("missing", version === null);
    } catch {
      place.textContent = "server does not answer";
      place.classList.add("missing");
    }
  }
}

// A canvas with the picture, shrunk where it is larger than needed.
function toCanvas(source, width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const canvas = Object.assign(document.createElement("canvas"), size);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  // JPEG has no transparency: without this it would become black.
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, size.width, size.height);
  context.drawImage(source, 0, 0, size.width, size.height);
  return canvas;
}

// Asks about the canvas and shows the answers, unless something newer has begun.
async function answer(canvas, current, show) {
  const started = performance.now();
  const { boxes, note } = await findFaces(canvas);
  const { faces, problems } = await askModels(canvas, boxes.slice(0, MAX_FACES));
  if (current !== turn) return;
  show(faces);
  showHint(note);
  showError(problems.join(" "));
  showAnswers(faces, performance.now() - started);
  announce(faces);
}

async function takePhoto(photo) {
  stopCamera();
  turn += 1;
  const current = turn;
  showError("");
  showHint("");
  let bitmap;
  try {
    bitmap = await createImageBitmap(photo, { imageOrientation: "from-image" });
  } catch {
    const name = photo.name || "This";
    if (current === turn) showError(`${name} is no picture that can be read. Choose a JPEG, PNG or WebP file.`);
    return;
  }
  const canvas = toCanvas(bitmap, bitmap.width, bitmap.height, PHOTO_SIDE);
  bitmap.close();
  if (current !== turn) return;
  shown = { source: canvas, size: canvas, faces: [], mirrored: false };
  picture.setAttribute("aria-label", "Your photo, without answers yet");
  redraw();
  stage.setAttribute("aria-busy", "true");
  try {
    await answer(canvas, current, (faces) => {
      shown.faces = faces;
      redraw();
    });
  } catch (error) {
    if (current === turn) showError(explain(error));
  } finally {
    stage.removeAttribute("aria-busy");
  }
  showVersions();
}

function explain(error) {
  return error instanceof PageError ? error.message : `Something went wrong in this page: ${error.message}`;
}

function explainCamera(error) {
  const reasons = {
    NotAllowedError: "The browser does not allow the camera. Allow it in the address bar, then try again.",
    NotFoundError: "No camera found. Connect one, or choose a photo.",
    NotReadableError: "The camera is used by another program. Close that, then try again.",
  };
  return reasons[error.name] ?? `The camera does not start: ${error.message}`;
}

async function startCamera() {
  if (starting) return;
  turn += 1;
  const current = turn;
  showError("");
  if (!navigator.mediaDevices) {
    showError("Browsers give the camera to pages from https:// or localhost only. Choose a photo instead.");
    return;
  }
  // Not `disabled`: that would take the keyboard's focus away from the button.
  starting = true;
  try {
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", ...size }, audio: false });
    if (current !== turn) {
      opened.getTracks().forEach((track) => track.stop());
      return;
    }
    stream = opened;
    video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      stopCamera();
      showError("The camera has been disconnected.");
    });
    await video.play();
  } catch (error) {
    // Whoever has chosen a photo meanwhile has stopped it.
    const wanted = current === turn;
    stopCamera();
    if (wanted) showError(explainCamera(error));
    return;
  } finally {
    starting = false;
  }
  if (current !== turn) return;
  cameraButton.textContent = "Stop the camera";
  const size = { width: video.videoWidth, height: video.videoHeight };
  shown = { source: video, size, faces: [], mirrored: true };
  requestAnimationFrame(showFrames);
  await askAboutFrames(current);
}

// The video is smooth, whatever the answers take; they are drawn onto the frames after theirs.
function showFrames() {
  if (!stream) return;
  // A phone that is turned changes it.
  shown.size = { width: video.videoWidth, height: video.videoHeight };
  redraw();
  requestAnimationFrame(showFrames);
}

async function askAboutFrames(current) {
  let versionsAt = 0;
  while (stream && current === turn) {
    const started = performance.now();
    let pause = 0;
    try {
      const frame = toCanvas(video, video.videoWidth, video.videoHeight, FRAME_SIDE);
      const scale = video.videoWidth / frame.width;
      await answer(frame, current, (faces) => {
        shown.faces = faces.map((face) => enlarged(face, scale));
      });
      if (started - versionsAt > VERSIONS_INTERVAL_MS) {
        versionsAt = started;
        await showVersions();
      }
    } catch (error) {
      if (current !== turn) return;
      shown.faces = [];
      showError(explain(error));
      pause = PAUSE_MS;
    }
    const rest = Math.max(pause, FRAME_INTERVAL_MS - (performance.now() - started));
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}

function enlarged({ box, emotion, points }, scale) {
  const { left, top, width, height } = box;
  const sizes = { left: left * scale, top: top * scale, width: width * scale, height: height * scale };
  return { box: { ...box, ...sizes }, emotion, points: points?.map(([x, y]) => [x * scale, y * scale]) };
}

function stopCamera() {
  if (!stream) return;
  turn += 1;
  // The last frame stays, with its answers.
  const frame = toCanvas(video, video.videoWidth || 1, video.videoHeight || 1, Infinity);
  stream.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  cameraButton.textContent = "Use the camera";
  showHint("");
  if (shown) {
    shown = { ...shown, source: frame, size: frame };
    redraw();
  }
}

file.addEventListener("change", () => {
  if (file.files.length) takePhoto(file.files[0]);
  // So that the same file can be chosen again.
  file.value = "";
});
cameraButton.addEventListener("click", () => (stream ? stopCamera() : startCamera()));
document.addEventListener("paste", (event) => {
  const [photo] = event.clipboardData.files;
  if (photo) takePhoto(photo);
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  stage.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) stage.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  // Otherwise the browser opens the file instead of this page.
  event.preventDefault();
  stage.classList.remove("dropping");
  const [photo] = event.dataTransfer.files;
  if (photo) takePhoto(photo);
});
window.addEventListener("resize", redraw);
window.addEventListener("pagehide", stopCamera);
showVersions();
