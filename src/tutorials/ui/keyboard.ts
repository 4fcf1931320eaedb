/**
 * The keyboard of all screens. Ink drops what is typed between the end of one screen and the moment when the next one listens; here it waits,
 * as does what a screen leaves for the next.
 */
import type { Key } from "ink";
import { createContext, useContext, useLayoutEffect } from "react";

/** Told what was typed, "" for a key without a character; whether that was for it, else it is for the next screen. */
export type KeyListener = (typed: string, key: Key) => boolean;

export class Keyboard {
	#waiting: { readonly typed: string; readonly key: Key }[] = [];
	#listener: KeyListener = () => false;

	readonly press = (typed: string, key: Key): void => {
		if (!this.#listener(typed, key)) this.#waiting.push({ typed, key });
	};

	/** In place of whoever listened before. */
	listen(listener: KeyListener): void {
		this.#listener = listener;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const { typed, key } of waiting) this.press(typed, key);
	}

	/** Nobody listens until somebody else does. */
	leave(): void {
		this.#listener = () => false;
	}

	/** Drops what waits. */
	clear(): void {
		this.#waiting = [];
	}
}

export const KeyboardContext = createContext(new Keyboard());

/** For the one screen that is shown. */
export function useKeys(listener: KeyListener): void {
	const keyboard = useContext(KeyboardContext);
	useLayoutEffect(() => {
		keyboard.listen(listener);
		return () => keyboard.leave();
	});
}
