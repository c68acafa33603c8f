/** The catalogue's rows 4xxx: graph and derivatives. */
export {}
