/** The catalogue's rows 2xxx: names, and files that bring each other in. */
export {}
