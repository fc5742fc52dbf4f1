namespace Mesh.Control.Hosting;

/// <summary>
/// Web applications without the framework's habits. Its usual builders look for files of settings where the process was started, and watch
/// every folder below for them: started at the root of a file system, the whole of it. They also let the environment move ports.
/// </summary>
internal static class BareApplication
{
    /// <summary>A builder with Kestrel and routing, and with nothing that was not asked for by name.</summary>
    public static WebApplicationBuilder CreateBuilder()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        return builder;
    }
}
