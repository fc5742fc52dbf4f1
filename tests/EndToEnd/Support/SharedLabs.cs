using Xunit;

namespace Mesh.EndToEnd.Support;

/// <summary>Classes that share one lab of <see cref="TproxyLab"/>: each of them leaves it as it was.</summary>
[CollectionDefinition(nameof(TproxyGroup))]
public sealed class TproxyGroup : ICollectionFixture<TproxyLab>;

/// <summary>Classes that share one lab of <see cref="NftLab"/>.</summary>
[CollectionDefinition(nameof(NftGroup))]
public sealed class NftGroup : ICollectionFixture<NftLab>;

/// <summary>Classes that share one lab of <see cref="RedirectLab"/>.</summary>
[CollectionDefinition(nameof(RedirectGroup))]
public sealed class RedirectGroup : ICollectionFixture<RedirectLab>;

/// <summary>Classes that share one lab of <see cref="ForeignLab"/>.</summary>
[CollectionDefinition(nameof(ForeignGroup))]
public sealed class ForeignGroup : ICollectionFixture<ForeignLab>;
