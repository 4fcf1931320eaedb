/** The programs of its container runtime that a node has in /usr/bin. */
export const runtimeProgramNames = ["containerd", "crictl", "ctr", "nerdctl", "runc"] as const;
