using System.Globalization;

namespace Mesh.Images;

/// <summary>`mesh-images`, which `./run.sh image` calls.</summary>
internal static class CommandLine
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int Usage = 2;

    private const string Help = $"""
        mesh-images: OCI archives of the mesh's executables, of Debian's packages and the installed .NET; no daemon and no image registry.

        Usage: mesh-images --root DIR [OPTIONS]

          --root DIR        the repository, where `./run.sh publish` has been run
          --output DIR      where archives and SBOMs go (artifacts/images of the repository)
          --cache DIR       where Debian's packages are kept (artifacts/debian of the repository)
          --suite NAME      Debian's suite ({BuildOptions.DefaultSuite})
          --sources FILE    apt's sources for that suite, in place of those of this machine's apt
          --revision TEXT   the commit that is built, for the images' labels
          --offline         the packages of the last build, which are in the cache
          --help            this text

        SOURCE_DATE_EPOCH in the environment is the time of all that is made here, in seconds since 1970; 0 without it.
        """;

    public static int Run(string[] args, Func<string, string?> environment, TextWriter output, TextWriter errors)
    {
        if (args is ["--help" or "-h"])
        {
            output.WriteLine(Help);
            return Success;
        }

        try
        {
            ImageBuild.Run(BuildOptions.Parse(args, environment), output);
            return Success;
        }
        catch (FormatException wrong)
        {
            errors.WriteLine($"mesh-images: {wrong.Message}\n\n{Help}");
            return Usage;
        }
        catch (Exception failure) when (failure is ImageException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mesh-images: {failure.Message}"));
            return Failure;
        }
    }
}
