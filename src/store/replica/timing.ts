/** How long a member waits for others, in real time: disks and networks are not the cluster's to hurry. */

/** Real milliseconds between two ticks, and the timeouts in ticks. etcd's are 100 ms, 10 and 1. */
export interface ReplicaTiming {
	readonly tickMs: number;
	/** A follower campaigns after this many to twice as many ticks without a leader. */
	readonly electionTicks: number;
}

/** Elections twice as fast as etcd's: one process, or one rack, has no slow links. */
export const usualTiming: ReplicaTiming = { tickMs: 100, electionTicks: 5 };

/** etcd's request timeout for the disks and the network; two elections come on top where one may be due. */
export const requestTimeoutMs = 5000;

/** Between two looks at what changes by itself. */
export const pollMs = 5;
