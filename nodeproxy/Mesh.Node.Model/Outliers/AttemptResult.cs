namespace Mesh.Node.Model.Outliers;

/// <summary>What became of one attempt at an endpoint, as far as the endpoint's health is concerned.</summary>
public enum AttemptResult
{
    /// <summary>It was answered, and not with a server error.</summary>
    Success,

    /// <summary>It was answered with a server error that is none of a gateway.</summary>
    ServerError,

    /// <summary>It was answered with 502, 503 or 504.</summary>
    GatewayError,

    /// <summary>There was no answer: no connection, a reset, a time limit.</summary>
    LocalOriginFailure,
}
