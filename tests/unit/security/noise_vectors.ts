// Published test vectors of Noise NNpsk0 over 25519, all eight suites, as values.
// Source: the vector file of the Haskell library "cacophony" (haskell-cryptography/cacophony,
// vectors/cacophony.txt, public domain), which the Noise wiki lists. All of them share keys and payloads.

/** Both sides' prologue. */
export const PROLOGUE = "4a6f686e2047616c74";
/** Both sides' pre-shared key. */
export const PSK = "54686973206973206d7920417573747269616e20706572737065637469766521";
/** The initiator's and the responder's ephemeral private keys. */
export const INITIATOR_EPHEMERAL = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
export const RESPONDER_EPHEMERAL = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
/** Payloads of the six messages, the initiator's first and then in turn; two of handshake, four of transport. */
export const PAYLOADS: readonly string[] = [
  "4c756477696720766f6e204d69736573",
  "4d757272617920526f746862617264",
  "462e20412e20486179656b",
  "4361726c204d656e676572",
  "4a65616e2d426170746973746520536179",
  "457567656e2042f6686d20766f6e2042617765726b",
];

/** What a suite must produce. */
export interface NoiseVector {
  readonly cipher: "ChaChaPoly" | "AESGCM";
  readonly hash: "SHA256" | "SHA512" | "BLAKE2s" | "BLAKE2b";
  readonly handshakeHash: string;
  /** The six messages on the wire. */
  readonly messages: readonly string[];
}

/** The eight suites. */
export const NOISE_VECTORS: readonly NoiseVector[] = [
  {
    cipher: "AESGCM",
    hash: "BLAKE2b",
    handshakeHash:
      "d73c5533886889dde8746bfcd5d0eb738dcc2321bcc0e05981cff516b7e8da25effe1be1e0168075ea4df017c8e636f6" +
      "012c55f726b466a5ae61bafdf6542ef2",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944ab67782ba522df522e3b26fec332f024" +
      "7af54ca69936a856158422652c5f2f6c",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f14480884357c12fca03369a584fdf46ddf33b8418" +
      "701bb6c0fb9cf97743064e7dc9f9cc",
      "9c7cf240c92984f10f318283aad9fa98f5c609379329386bdcd041",
      "d10737813549738317379aa5a89afaa7709f09dea1e86863645037",
      "50d6a3e902be8fb400fe88a3df63bfcb0f0f82d1829c5cadb09eaf58d2363ec110",
      "f9291acf81dab96f88793a2885461fdf2b313fb54b9fbff07d695e0f5280646a75ff8a86ba",
    ],
  },
  {
    cipher: "AESGCM",
    hash: "BLAKE2s",
    handshakeHash: "63e1c64d39feda97f01112d2883b13753413cbf2184e1657dcf21a9ed49963c9",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79448cd29a503f5d165832aa8bec5c231654" +
      "96dc9cc76681e2401dbf6266b8fcba5b",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088430f46f97198fff3885eb5d3abe46aef90" +
      "e8f6dcd5007d4daa93317069e634ee",
      "a7d888f419cc6fb45c0cea1fd1b74c33217337fcdbe823ad9dfea8",
      "e43ae5bc1ace948f71a2875f781dc75277a4a98f60e9a175902cca",
      "889bbc831c45b2168a910164d2f5b8cda488584526d53499c53755572469bbe852",
      "e7091fab6faeb14559bc1df688cc4589d8476da9f2fac2e71dc5a51bab4038b30f4b54ddab",
    ],
  },
  {
    cipher: "AESGCM",
    hash: "SHA256",
    handshakeHash: "9f3b1f9afd7767767b5b9d1069844a6154fdbdcc36dfb3e31c0fffc5c973d530",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79447c37a89fc17813788d30df2d59501d60" +
      "66f5f8aecc3406bbd9829f2d24a531b1",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432f29d79368ef9de4e1ae7a362fb05bf0" +
      "ad668e026bf5714554497b3a720461",
      "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6",
      "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0",
      "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd",
      "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9",
    ],
  },
  {
    cipher: "AESGCM",
    hash: "SHA512",
    handshakeHash:
      "e36b64b6e329e029642ebcb87dd4990d33bed6e4ddc8ee4a815a85bd3988a3ea285b2492c5fd703043535aa8ae439930" +
      "11aaa9da1665a682f6edabd96c4aaf76",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794475dcebad336854773e112aea26b21df2" +
      "9cac604e4178d00246a1f23098aa2e36",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843c095e444b17f4d6b51b323e9735d46ea" +
      "b08a6d64dc08482ca736da6c05d0ae",
      "6f7437204bf5a4cf65b4801e526cc43d179d98703144a12eec719b",
      "577b82ffa46f79907cdd7b52c02fe9378ca23f9d786f37f7d9730a",
      "98bb2e5bb86935b994febcb85fac0d5d8d2d6ef7fdf1fcc934c5e3aae31cb4b37e",
      "20269fdb7dcb0bbfb0ff045d3be4c78aacba8e3b44e4f2c118a2e6509fdb04c644ee86394a",
    ],
  },
  {
    cipher: "ChaChaPoly",
    hash: "BLAKE2b",
    handshakeHash:
      "ed5e9692d0ab507b6c2beec3f584fd5b127817a9d20b26cd50aa72c507260fa31aa7d88dd3723316338af37ce0b4cfb2" +
      "923aeb848bbf2b934911306f01ffc963",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944ed63df2f5a12aee1185ee9c50305f2ec" +
      "f12421dcb53c047a63b784cf7c54a105",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088430e0fe7d5c0c9b92f7478716c8852f1b4" +
      "f389edb75e3ebe546fafafd5b6f0f7",
      "0fe04b26dcfbb69f8a6a94c61f1a26ef88769218d32f5d17c068a6",
      "2239e0c540c01f09eb1f4cc5258fd5acfefff18a5a3773f21b7bfe",
      "f216cb03d30fb8af1e561fe02a07552d09b416e27a75e62c77d193718b0bdaae9f",
      "6e8baf98b944184dd7dc5ef14d8108cbeca626de118a5460f3308e294d61e17238bce29bd9",
    ],
  },
  {
    cipher: "ChaChaPoly",
    hash: "BLAKE2s",
    handshakeHash: "b3e9c846d264120a4211e18307da91157a21e92e69b639c50f027f101db3e1a6",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944fda936bec35a8adfdff198386f7d5475" +
      "880897edaaf7495314c99095a2e4d66a",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088434cd2a371993ba41ea11448024fca3276" +
      "6b169183c9e691a7a433279da7e729",
      "bc44da303ae0beb08075fc4eb4e58235c67c2d1f53a4f2fff0bca7",
      "416d1af83e9fa6966ce4e871156b131aa9bd7e9a1d6f8794f4872a",
      "8a7d81b77bcc6c072f2b807da066efba6b5fab9edf71a7faceb2c8454b0cfef608",
      "1e2ee010f72894824a25a867664ff298f2548a145dc4e9d27b1cad83f32fa7c54d69dc3279",
    ],
  },
  {
    cipher: "ChaChaPoly",
    hash: "SHA256",
    handshakeHash: "f4d03dc34495c95729ea6de9e1b59004b59733102488b3e24bc441e0be208eaf",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794479b962b8aff8485742ac32f905ba4536" +
      "9e2465fb59e138a93d67a0d1266b6a54",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d6062704d5a9c422a8e834423f8c1fea" +
      "da7e8d0d910a1a2cd030fb584221e3",
      "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f",
      "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e",
      "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8",
      "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebdef8b8ca111",
    ],
  },
  {
    cipher: "ChaChaPoly",
    hash: "SHA512",
    handshakeHash:
      "20747c2d6e39075ff1d468a0cc43a29f59217d41032e093341739713acf575f27fa3d47c4960cae660f07de84ac45042" +
      "9d9db318cd49fb2fe1625933f298828c",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944d6950b5145b4067a58a0692dc0f114b3" +
      "68c3769275d30efc88c48aeaa82a91b2",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843270979b50a80b94def87f09f53e0407d" +
      "cfdbcf99daa2ff53ae7cf8b356ec1e",
      "ee068282e99e581b2cc395353e40df23a62b4d3f171e51be36f9be",
      "9de46567c24635ad9a0c74742340b850e4f347ee5784c79115e36f",
      "7ac5e36fb474838f58adb69bc00b1c5297033f429d819636fcbbd66a9c2cfdef29",
      "760415b528bc3ae7638ae2e999b30db6bb200dd4b437a53b44bbe64994d27b54731066bfa4",
    ],
  },
];
