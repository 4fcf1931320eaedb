/** The programs of its container runtime that a node has in /usr/bin, beside containerd. */
export const runtimeProgramNames = ["crictl", "ctr", "nerdctl", "runc"] as const;
