/** The command line tools of a node's container runtime, in one piece: loaded together. */
export { crictl } from "../crictl/crictl.ts";
export { containerd } from "./containerd.ts";
export { ctr } from "./ctr.ts";
export { nerdctl } from "./nerdctl.ts";
export { runc } from "./runc.ts";
