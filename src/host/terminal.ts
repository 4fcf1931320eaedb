/** What a program sees of the terminal it is attached to. */
export interface Terminal {
	/** Current window, in characters; 80 x 24 until the user's side says otherwise, which may say 0: nobody knows. */
	readonly columns: number;
	readonly rows: number;
}
