// The photos of a report: sent while the rest is being written.
import { Camera, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useText } from "~/i18n/text";
import { Button, Card, toast, toastError } from "~/kit";
import { uuid } from "~/platform/transport";
import { type Draft, type DraftPhoto, upload } from "./draft";
import { isForLater } from "./outbox";
import { fitting } from "./picture";
import { reportText } from "./report.text";

const MOST = 10;

export function PhotoStep({
  draft,
  change,
}: {
  draft: Draft;
  change: (update: (draft: Draft) => Draft) => void;
}) {
  const text = useText(reportText);
  const [sending, setSending] = useState(0);
  const without = (key: string) => (known: Draft) => ({
    ...known,
    photos: known.photos.filter((photo) => photo.key !== key),
  });
  const add = async (file: File) => {
    const content = await fitting(file);
    if (!content) {
      toast(text.photoTooLarge);
      return;
    }
    const photo: DraftPhoto = { key: uuid(), content };
    change((known) => ({ ...known, photos: [...known.photos, photo].slice(0, MOST) }));
    setSending((count) => count + 1);
    try {
      const sent = await upload(photo);
      change((known) => ({
        ...known,
        photos: known.photos.map((each) => (each.key === photo.key ? sent.photo : each)),
        ...(!known.place && sent.place && { place: sent.place }),
      }));
      if (sent.place) toast(text.placeFromPhoto);
    } catch (error) {
      // Without a network it is sent with the report.
      if (isForLater(error)) return;
      change(without(photo.key));
      toastError(error);
    } finally {
      setSending((count) => count - 1);
    }
  };
  return (
    <Card title={text.photo}>
      {draft.photos.length > 0 && (
        <ul className="photos">
          {draft.photos.map((photo, index) => (
            <li key={photo.key}>
              <Thumbnail content={photo.content} alt={text.photoAlt(index + 1)} />
              <Button iconOnly icon={<X aria-hidden="true" />} onClick={() => change(without(photo.key))}>
                {text.removePhoto(index + 1)}
              </Button>
              {!photo.photoId && <p className="hint">{sending > 0 ? text.uploading : text.photoWaits}</p>}
            </li>
          ))}
        </ul>
      )}
      {draft.photos.length < MOST && (
        <label className="photo-button">
          <Camera aria-hidden="true" />
          {draft.photos.length > 0 ? text.anotherPhoto : text.takePhoto}
          <input
            type="file"
            accept="image/jpeg,image/png,image/webp"
            multiple
            onChange={(event) => {
              const { files } = event.currentTarget;
              for (const file of files ?? []) void add(file);
              event.currentTarget.value = "";
            }}
          />
        </label>
      )}
      <p className="hint">{text.photoHint}</p>
    </Card>
  );
}

function Thumbnail({ content, alt }: { content: Blob; alt: string }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(content);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  return url ? <img src={url} alt={alt} width={128} height={128} /> : null;
}
