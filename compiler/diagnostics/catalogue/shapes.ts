/** The catalogue's rows 3xxx: shapes and types. */
export {}
