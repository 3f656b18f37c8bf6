# A git repository with the shop of the examples, and a note that only looks like the function's name.
cp -r agents/fixtures/shop . &&
  echo 'The column parse_price of the old database is not used any more.' > shop/notes.md &&
  git init -q && git add shop &&
  git -c user.name=Ada -c user.email=ada@example.com commit -qm 'the shop'
