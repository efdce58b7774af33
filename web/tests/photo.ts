// Photos for the tests: a picture of the page, and where it was taken, as telephones write it.
import type { Page } from "@playwright/test";

/** A JPEG, with a position when one is given (Exif 2.3, GPS IFD). */
export async function photo(page: Page, place?: { lat: number; lng: number }) {
  const buffer = await page.screenshot({ type: "jpeg" });
  return {
    name: "photo.jpg",
    mimeType: "image/jpeg",
    buffer: place
      ? Buffer.concat([buffer.subarray(0, 2), exif(place.lat, place.lng), buffer.subarray(2)])
      : buffer,
  };
}

function exif(lat: number, lng: number): Buffer {
  const tiff = Buffer.alloc(8 + 2 + 12 + 4 + 2 + 4 * 12 + 4 + 48);
  let at = 0;
  const u16 = (value: number) => {
    tiff.writeUInt16BE(value, at);
    at += 2;
  };
  const u32 = (value: number) => {
    tiff.writeUInt32BE(value, at);
    at += 4;
  };
  tiff.write("MM", at, "ascii");
  at += 2;
  u16(42);
  u32(8);
  // The first directory says only where the GPS directory is.
  u16(1);
  u16(0x8825);
  u16(4);
  u32(1);
  u32(26);
  u32(0);
  const values = 26 + 2 + 4 * 12 + 4;
  u16(4);
  const letter = (tag: number, value: string) => {
    u16(tag);
    u16(2);
    u32(2);
    tiff.write(value, at, "ascii");
    at += 4;
  };
  const degrees = (tag: number, offset: number) => {
    u16(tag);
    u16(5);
    u32(3);
    u32(offset);
  };
  letter(1, lat < 0 ? "S" : "N");
  degrees(2, values);
  letter(3, lng < 0 ? "W" : "E");
  degrees(4, values + 24);
  u32(0);
  for (const value of [lat, lng]) {
    const whole = Math.abs(value);
    const minutes = (whole % 1) * 60;
    u32(Math.floor(whole));
    u32(1);
    u32(Math.floor(minutes));
    u32(1);
    u32(Math.round((minutes % 1) * 60 * 1000));
    u32(1000);
  }
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0xffe1, 0);
  head.writeUInt16BE(2 + 6 + tiff.length, 2);
  return Buffer.concat([head, Buffer.from("Exif\0\0", "binary"), tiff]);
}
