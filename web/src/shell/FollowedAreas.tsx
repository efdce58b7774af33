// The parts of the city that the reader follows, and what is told of each.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { BellOff } from "lucide-react";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { AreaService, AreaTopic, type FollowedArea } from "~/gen/kvartal/notification/v1/area_pb.js";
import { useText } from "~/i18n/text";
import { Button, Card, ProblemNotice, Skeleton, toast, toastError } from "~/kit";
import { isAbsent } from "~/platform/query";
import { useHasRole } from "~/platform/session";
import { inboxText } from "./inbox.text";

export function FollowedAreas() {
  const text = useText(inboxText);
  const areas = useQuery(AreaService.method.listFollowedAreas);
  const after = {
    // Pending until what was changed is read again.
    onSuccess: async () => {
      toast(text.saved);
      await areas.refetch();
    },
    onError: toastError,
  };
  const update = useMutation(AreaService.method.updateFollowedArea, after);
  const unfollow = useMutation(AreaService.method.unfollowArea, after);
  const staff = useHasRole(Role.DISPATCHER, Role.ADMIN);
  const topics = [AreaTopic.JAMS, AreaTopic.INCIDENTS, AreaTopic.REPORTS];
  if (staff) topics.push(AreaTopic.DETECTORS);
  const set = ({ followedAreaId, topics: told, etag }: FollowedArea, topic: AreaTopic, on: boolean) => {
    const next = on ? [...told, topic] : told.filter((each) => each !== topic);
    // Nothing to tell is not following any more.
    if (next.length > 0) update.mutate({ followedAreaId, topics: next, etag });
    else unfollow.mutate({ followedAreaId });
  };
  const busy = update.isPending || unfollow.isPending;
  const asked = update.isPending ? update.variables : undefined;
  const told = ({ followedAreaId, topics: now }: FollowedArea) =>
    (asked?.followedAreaId === followedAreaId && asked.topics) || now;
  if (isAbsent(areas.error)) return null;
  return (
    <Card title={text.areas}>
      {areas.isPending && <Skeleton lines={3} />}
      {areas.isError && <ProblemNotice error={areas.error} onRetry={() => areas.refetch()} />}
      {areas.data?.followedAreas.length === 0 && <p className="hint">{text.noAreas}</p>}
      {areas.data && areas.data.followedAreas.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{text.areaColumn}</th>
              {topics.map((topic) => (
                <th key={topic} scope="col">
                  {text.topics[topic]}
                </th>
              ))}
              <th scope="col" aria-label={text.unfollow} />
            </tr>
          </thead>
          <tbody>
            {areas.data.followedAreas.map((area) => (
              <tr key={area.followedAreaId}>
                <th scope="row" className="wrap">
                  {area.displayName}
                </th>
                {topics.map((topic) => (
                  <td key={topic}>
                    <input
                      type="checkbox"
                      className="checkbox"
                      aria-label={`${area.displayName}: ${text.topics[topic]}`}
                      checked={told(area).includes(topic)}
                      disabled={busy}
                      onChange={(event) => set(area, topic, event.currentTarget.checked)}
                    />
                  </td>
                ))}
                <td>
                  <Button
                    look="quiet"
                    iconOnly
                    icon={<BellOff aria-hidden="true" />}
                    busy={busy}
                    onClick={() => unfollow.mutate({ followedAreaId: area.followedAreaId })}
                  >
                    {text.unfollowOf(area.displayName)}
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
