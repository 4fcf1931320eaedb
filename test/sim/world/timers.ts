/** Virtual time, as far as networks and disks need it: an event queue, or a virtual clock. */
export interface Timers {
	after(delayMs: number, run: () => void): void;
}
