// Following a part of the city: kept by the platform for those who are signed in, by the device for everybody else.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Bell, BellOff } from "lucide-react";
import { AreaService, AreaTopic } from "~/gen/kvartal/notification/v1/area_pb.js";
import { useText } from "~/i18n/text";
import { Button, toast, toastError } from "~/kit";
import { isAbsent } from "~/platform/query";
import { useSession } from "~/platform/session";
import { followArea, useFollowedAreas } from "./areaAlerts";
import { citizenText } from "./citizen.text";

/** What is told of an area until its follower says otherwise in the settings. */
const TOPICS = [AreaTopic.JAMS, AreaTopic.INCIDENTS];

interface Area {
  areaId: string;
  name: string;
}

export function FollowArea(area: Area) {
  const signedIn = useSession() !== undefined;
  return signedIn ? <FollowWithAccount {...area} /> : <FollowOnDevice {...area} />;
}

function FollowWithAccount({ areaId, name }: Area) {
  const text = useText(citizenText);
  const areas = useQuery(AreaService.method.listFollowedAreas);
  const after = { onSuccess: () => areas.refetch(), onError: toastError };
  const follow = useMutation(AreaService.method.followArea, {
    ...after,
    onSuccess: () => {
      areas.refetch();
      toast(text.areaFollowedByAccount(name));
    },
  });
  const unfollow = useMutation(AreaService.method.unfollowArea, after);
  if (isAbsent(areas.error)) return <FollowOnDevice areaId={areaId} name={name} />;
  const followed = areas.data?.followedAreas.find((area) => area.areaId === areaId);
  const { followedAreaId } = followed ?? {};
  return (
    <Switch
      on={followed !== undefined}
      busy={areas.isPending || follow.isPending || unfollow.isPending}
      hint={text.areaHintAccount}
      onChange={() =>
        followedAreaId
          ? unfollow.mutate({ followedAreaId })
          : follow.mutate({ areaId, displayName: name, topics: TOPICS })
      }
    />
  );
}

function FollowOnDevice({ areaId, name }: Area) {
  const text = useText(citizenText);
  const on = useFollowedAreas().includes(areaId);
  const change = async () => {
    followArea(areaId, !on);
    if (on) return;
    // Asked only here, where it is clear what for. Without it the page tells by itself.
    if ("Notification" in window && Notification.permission === "default")
      await Notification.requestPermission();
    toast(text.areaFollowed(name));
  };
  return <Switch on={on} hint={text.areaHint} onChange={change} />;
}

function Switch(props: { on: boolean; busy?: boolean; hint: string; onChange: () => void }) {
  const text = useText(citizenText);
  const Icon = props.on ? BellOff : Bell;
  return (
    <Button
      icon={<Icon aria-hidden="true" />}
      aria-pressed={props.on}
      busy={props.busy ?? false}
      onClick={props.onChange}
      title={props.hint}
    >
      {props.on ? text.areaUnfollow : text.areaFollow}
    </Button>
  );
}
