//! The node's network: a namespace of its own, which goes with its last process, and a wire from this machine into it.

use nix::unistd::Pid;
use xshell::{Shell, cmd};

use crate::layout::{HOST_ADDRESS, HOST_WIRE, NODE_ADDRESS, NODE_WIRE, PODS, SERVICES};

/// Lays the wire into the namespace of the process.
pub(crate) fn set_up(sh: &Shell, machine: Pid) -> anyhow::Result<()> {
    remove(sh);
    let machine = machine.to_string();
    cmd!(sh, "ip link add {HOST_WIRE} type veth peer name {NODE_WIRE} netns {machine}").quiet().run()?;
    let inside = |command: &str| {
        let words = command.split(' ');
        cmd!(sh, "nsenter --target {machine} --net -- {words...}").quiet().run()
    };
    inside("ip link set lo up")?;
    inside(&format!("ip addr add {NODE_ADDRESS}/24 dev {NODE_WIRE}"))?;
    inside(&format!("ip link set {NODE_WIRE} up"))?;
    inside(&format!("ip route add default via {HOST_ADDRESS}"))?;
    inside("sysctl -q -w net.ipv4.ip_forward=1")?;
    cmd!(sh, "ip addr add {HOST_ADDRESS}/24 dev {HOST_WIRE}").quiet().run()?;
    cmd!(sh, "ip link set {HOST_WIRE} up").quiet().run()?;
    for addresses in [PODS, SERVICES] {
        cmd!(sh, "ip route add {addresses} via {NODE_ADDRESS}").quiet().run()?;
    }
    Ok(())
}

/// Takes the wire away: the kernel does so too, but some time after the last process of a node has gone.
pub(crate) fn remove(sh: &Shell) {
    // It may not be there, which is what we want.
    let _ = cmd!(sh, "ip link delete {HOST_WIRE}").quiet().ignore_stdout().ignore_stderr().run();
}
