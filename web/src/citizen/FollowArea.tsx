// Following a part of the city.
import { Bell, BellOff } from "lucide-react";
import { useText } from "~/i18n/text";
import { Button, toast } from "~/kit";
import { followArea, useFollowedAreas } from "./areaAlerts";
import { citizenText } from "./citizen.text";

export function FollowArea({ areaId, name }: { areaId: string; name: string }) {
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
  const Icon = on ? BellOff : Bell;
  return (
    <Button icon={<Icon aria-hidden="true" />} aria-pressed={on} onClick={change} title={text.areaHint}>
      {on ? text.areaUnfollow : text.areaFollow}
    </Button>
  );
}
