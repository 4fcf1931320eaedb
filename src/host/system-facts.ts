/** What is the same on all simulated nodes. */

/** The kernel; the Node object says the same. */
export const kernelVersion = "6.12.41+deb13-amd64";
/** What `uname -v` says. */
export const kernelBuild = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.41-1 (2025-08-12)";
