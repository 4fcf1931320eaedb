/** How a node's disk and network can fail. */
import type { FsErrorCode } from "../../host/index.ts";

/** `errors`: the device fails (EIO); `read-only`: what the kernel makes of it (EROFS); `full` (ENOSPC). */
export type DiskFault = "errors" | "read-only" | "full";
/** `all`, only what is between kubelet and API, or only what is between its pods and others. */
export type NetworkFault = "all" | "api" | "pods";

export const diskFaults: readonly DiskFault[] = ["errors", "read-only", "full"];
export const networkFaults: readonly NetworkFault[] = ["all", "api", "pods"];

export const diskErrors: Readonly<Record<DiskFault, FsErrorCode>> = { errors: "EIO", "read-only": "EROFS", full: "ENOSPC" };
