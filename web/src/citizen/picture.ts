// Makes photos fit: the platform takes eight megabytes.

const BYTES_MAX = 8_000_000;
const SIDE_MAX = 2560;

/** The file as it is, or smaller where it is too large; `undefined` when it cannot be made smaller here. */
export async function fitting(file: Blob): Promise<Blob | undefined> {
  if (file.size <= BYTES_MAX) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, SIDE_MAX / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    // Many megabytes that nobody should wait for the collector to free.
    picture.close();
    const smaller = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.88 });
    return smaller.size <= BYTES_MAX ? smaller : undefined;
  } catch {
    return undefined;
  }
}
