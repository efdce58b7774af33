// A report that is being written: kept on the device with its photos until the platform has it.
import { type Client, createClient } from "@connectrpc/connect";
import { get, set, update } from "idb-keyval";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import type { Point } from "~/map/types";
import { transport, uuid } from "~/platform/transport";

export interface DraftPhoto {
  readonly key: string;
  readonly content: Blob;
  /** Given by the platform when it has the photo. */
  readonly photoId?: string;
}

export interface Draft {
  /** Made once: sending the same report again gives the same report. */
  readonly requestId: string;
  readonly photos: readonly DraftPhoto[];
  readonly place?: Point;
  readonly address: string;
  readonly categoryId: string;
  readonly answers: Readonly<Record<string, string>>;
  readonly description: string;
  readonly anonymous: boolean;
  /** What stands for the description when there is none: a report needs one. */
  readonly title: string;
}

const DRAFT = "kvartal.draft";

export function emptyDraft(): Draft {
  return {
    requestId: uuid(),
    photos: [],
    address: "",
    categoryId: "",
    answers: {},
    description: "",
    anonymous: false,
    title: "",
  };
}

/** Whether there is anything in it that would be missed. */
export function isEmpty({ photos, place, address, categoryId, description }: Draft): boolean {
  return photos.length === 0 && !place && !address && !categoryId && !description;
}

export async function loadDraft(): Promise<Draft> {
  return (await get<Draft>(DRAFT)) ?? emptyDraft();
}

export function saveDraft(draft: Draft): Promise<void> {
  return set(DRAFT, draft);
}

/** Makes a report that was refused the draft again, unless another one is being written. */
export function giveBack(draft: Draft): Promise<void> {
  return update<Draft>(DRAFT, (known) => (known && !isEmpty(known) ? known : draft));
}

const reports: Client<typeof ReportService> = createClient(ReportService, transport);

/** Hands a photo to the platform; where it was taken, if it says so. */
export async function upload(photo: DraftPhoto): Promise<{ photo: DraftPhoto; place?: Point }> {
  const content = new Uint8Array(await photo.content.arrayBuffer());
  const { photoId, location } = await reports.uploadPhoto({ content }, { timeoutMs: 60_000 });
  return {
    photo: { ...photo, photoId },
    ...(location && { place: { lat: location.latitude, lng: location.longitude } }),
  };
}

/** Files the report, its photos first. `keep` is told of every step, so that none is done twice. */
export async function send(draft: Draft, keep: (draft: Draft) => Promise<void>): Promise<Report> {
  let current = draft;
  for (const photo of draft.photos.filter((each) => !each.photoId)) {
    const sent = await upload(photo);
    current = {
      ...current,
      photos: current.photos.map((each) => (each.key === photo.key ? sent.photo : each)),
    };
    await keep(current);
  }
  const { requestId, place, address, categoryId, answers, anonymous } = current;
  const { report } = await reports.createReport({
    requestId,
    categoryId,
    address,
    anonymous,
    answers: { ...answers },
    description: current.description.trim() || current.title,
    location: place && { latitude: place.lat, longitude: place.lng },
    photoIds: current.photos.flatMap((photo) => photo.photoId ?? []),
  });
  if (!report) throw new Error("the platform did not say which report it made");
  return report;
}
