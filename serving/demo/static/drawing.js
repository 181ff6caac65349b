// Draws the picture with the answers into a canvas of the stage's size.

const POINT = "#22e6c8";
const OUTLINE = "#0b1220";

export function colourOf(emotion) {
  return `var(--${emotion ? emotion.label.toLowerCase() : "unknown"})`;
}

export function percent(part) {
  return `${Math.round(part * 100)} %`;
}

// Draws `source` (canvas or video, width x height pixels) and what is known of its faces.
//
// canvas: to draw into; gets the largest size that fits the room.
// room: { width, height } in CSS pixels.
// mirrored: whether to show it as a mirror does.
export function draw(canvas, source, { width, height }, faces, room, mirrored) {
  const scale = Math.min(room.width / width, room.height / height);
  const density = window.devicePixelRatio || 1;
  const [shownWidth, shownHeight] = [Math.round(width * scale), Math.round(height * scale)];
  // Setting a size clears the canvas and costs time, even where it stays the same.
  if (canvas.width !== Math.round(shownWidth * density) || canvas.height !== Math.round(shownHeight * density)) {
    canvas.width = Math.round(shownWidth * density);
    canvas.height = Math.round(shownHeight * density);
    canvas.style.width = `${shownWidth}px`;
    canvas.style.height = `${shownHeight}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(density * (mirrored ? -1 : 1), 0, 0, density, mirrored ? canvas.width : 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, shownWidth, shownHeight);
  context.setTransform(density, 0, 0, density, 0, 0);
  const toShown = (x) => (mirrored ? width - x : x) * scale;
  const shown = faces.map(({ box, emotion, points }) => ({
    emotion,
    guessed: box.guessed,
    left: mirrored ? toShown(box.left + box.width) : toShown(box.left),
    top: box.top * scale,
    width: box.width * scale,
    height: box.height * scale,
    points: (points ?? []).map(([x, y]) => [toShown(x), y * scale]),
  }));
  // All labels last: no other face covers them.
  shown.forEach((face) => drawFace(context, face));
  shown.forEach((face, index) => drawLabel(context, face, shown.length > 1 ? index + 1 : 0, shownWidth));
}

function resolved(emotion) {
  const name = colourOf(emotion).slice(4, -1);
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

function drawFace(context, face) {
  const line = Math.max(2, face.width / 110);
  context.lineWidth = line;
  context.strokeStyle = face.guessed ? "#ffffff" : resolved(face.emotion);
  context.setLineDash(face.guessed ? [4 * line, 3 * line] : []);
  context.beginPath();
  context.roundRect(face.left + line / 2, face.top + line / 2, face.width - line, face.height - line, 4 * line);
  context.stroke();
  context.setLineDash([]);
  const radius = Math.min(5, Math.max(2.2, face.width / 45));
  context.fillStyle = POINT;
  context.strokeStyle = OUTLINE;
  context.lineWidth = Math.max(1, radius / 3);
  for (const [x, y] of face.points) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

function drawLabel(context, face, number, width) {
  if (!face.emotion) return;
  const size = Math.min(20, Math.max(13, face.width / 9));
  const { label, probabilities } = face.emotion;
  const text = `${number ? `${number}  ` : ""}${label} ${percent(Math.max(...probabilities))}`;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const pad = size / 2;
  const [labelWidth, labelHeight] = [context.measureText(text).width + 2 * pad, size * 1.7];
  const left = Math.max(0, Math.min(face.left, width - labelWidth));
  // Above the box; where there is no room, within its upper edge.
  const top = face.top >= labelHeight + 3 ? face.top - labelHeight - 3 : Math.max(0, face.top) + 6;
  context.fillStyle = resolved(face.emotion);
  context.beginPath();
  context.roundRect(left, top, labelWidth, labelHeight, size / 2.5);
  context.fill();
  context.fillStyle = "#ffffff";
  context.textBaseline = "middle";
  context.fillText(text, left + pad, top + labelHeight / 2 + size / 14);
}
