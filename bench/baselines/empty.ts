// What any compiled Bun program costs.
process.stdout.write("0.0.0\n");
