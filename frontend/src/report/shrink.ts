// A photo is made small on the phone, by drawing it anew: what the camera wrote into the file (place, device) stays behind.

const SIDE = 2048;
const THUMB = 240;
const QUALITY = 0.82;

export interface Small {
  body: ArrayBuffer;
  type: string;
  thumb: string;
}

type Drawn = ImageBitmap | HTMLImageElement | HTMLVideoElement;

async function read(file: Blob): Promise<Drawn> {
  if ('createImageBitmap' in window) {
    try {
      return await createImageBitmap(file, { imageOrientation: 'from-image' });
    } catch {
      // Safari reads HEIC in <img> alone.
    }
  }
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } finally {
    setTimeout(() => URL.revokeObjectURL(image.src), 10_000);
  }
}

function sizeOf(drawn: Drawn): [number, number] {
  if (drawn instanceof HTMLImageElement) return [drawn.naturalWidth, drawn.naturalHeight];
  if (drawn instanceof HTMLVideoElement) return [drawn.videoWidth, drawn.videoHeight];
  return [drawn.width, drawn.height];
}

function draw(drawn: Drawn, most: number): HTMLCanvasElement {
  const [width, height] = sizeOf(drawn);
  const scale = Math.min(1, most / Math.max(width, height, 1));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('This browser draws no 2d canvas.');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(drawn, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A JPEG of at most 2,048 pixels a side. Throws when the file is no picture that this phone can read. */
export async function shrink(file: Blob): Promise<Small> {
  const drawn = await read(file);
  const whole = draw(drawn, SIDE);
  const blob = await new Promise<Blob | null>((good) => whole.toBlob(good, 'image/jpeg', QUALITY));
  if (blob === null) throw new Error('The picture could not be drawn.');
  const thumb = draw(drawn, THUMB).toDataURL('image/jpeg', 0.7);
  if (drawn instanceof ImageBitmap) drawn.close();
  return { body: await blob.arrayBuffer(), type: 'image/jpeg', thumb };
}

/** A film as it is, with its first picture; the province takes place and device out of it. */
export async function film(file: Blob): Promise<Small> {
  const body = await file.arrayBuffer();
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.preload = 'auto';
  video.src = URL.createObjectURL(file);
  const thumb = await new Promise<string>((good) => {
    const late = setTimeout(() => good(''), 4000);
    video.onerror = () => good('');
    video.onloadeddata = () => {
      clearTimeout(late);
      good(draw(video, THUMB).toDataURL('image/jpeg', 0.7));
    };
  });
  URL.revokeObjectURL(video.src);
  return { body, type: file.type || 'video/mp4', thumb };
}

/** SHA-256 in hex. */
export async function hashOf(body: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
