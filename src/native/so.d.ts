/** A shared library that is embedded in the executable: its path, under `/$bunfs` there and on disk from source. */
declare module "*.so" {
  const path: string;
  export default path;
}
