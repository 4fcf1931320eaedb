/** What a learner reads, in both languages side by side: a text that lacks one is a mistake of the lesson. */

export const languages = ["zh", "en"] as const;
export type Language = (typeof languages)[number];

export interface Text {
	readonly zh: string;
	readonly en: string;
}

/** From what a system says of its language (`zh_CN.UTF-8`); English where it says nothing that is known. */
export function languageOf(locale: string | undefined): Language {
	return /^zh/i.test(locale ?? "") ? "zh" : "en";
}
