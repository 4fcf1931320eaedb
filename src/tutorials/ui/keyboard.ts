/**
 * The keyboard of all screens. Ink drops what is typed between the end of one screen and the moment when the next one listens; here it waits,
 * as does what a screen leaves for the next.
 */
import type { Key } from "ink";
import { createContext, useContext, useLayoutEffect } from "react";

/** Told what was typed, "" for a key without a character; whether that was for it, else it is for the next screen. */
export type KeyListener = (typed: string, key: Key) => boolean;

interface Press {
	readonly typed: string;
	readonly key: Key;
}

export class Keyboard {
	#waiting: Press[] = [];
	#listener: KeyListener = () => false;

	readonly press = (typed: string, key: Key): void => {
		for (const press of pressesOf(typed, key)) if (!this.#listener(press.typed, press.key)) this.#waiting.push(press);
	};

	/** In place of whoever listened before. */
	listen(listener: KeyListener): void {
		this.#listener = listener;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const press of waiting) if (!this.#listener(press.typed, press.key)) this.#waiting.push(press);
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

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for
const controlCharacters = /([\u0000-\u001f\u007f])/;

/** Keys that came at once, on a slow line or from a program, come as one text: each counts. What is between two control keys stays together. */
function pressesOf(typed: string, key: Key): readonly Press[] {
	return typed.split(controlCharacters).flatMap((part) => {
		if (part === "\r" || part === "\n") return { typed: "", key: { ...key, return: true } };
		if (part === "\t") return { typed: "", key: { ...key, tab: true } };
		if (part === "\u007f" || part === "\b") return { typed: "", key: { ...key, backspace: true } };
		if (controlCharacters.test(part)) return { typed: String.fromCharCode(part.charCodeAt(0) + 0x60), key: { ...key, ctrl: true } };
		// A key without a character is one as well.
		return part === "" && typed !== "" ? [] : { typed: part, key };
	});
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
